// Runs in a page (see pictures.ts): its elements and styles as one piece of XHTML. Rules of media queries are decided now, because inside a
// picture they would follow the picture's size; light and dark stay the reader's.
(() => {
  const rulesOf = (rules) =>
    [...rules]
      .map((rule) => {
        if (!(rule instanceof CSSMediaRule) || rule.conditionText.includes('prefers-color-scheme')) return rule.cssText;
        return matchMedia(rule.conditionText).matches ? rulesOf(rule.cssRules) : '';
      })
      .join('\n');
  const styles = [...document.styleSheets].map((sheet) => rulesOf(sheet.cssRules)).join('\n');
  const copy = document.documentElement.cloneNode(true);
  const live = document.querySelectorAll('input, textarea');
  copy.querySelectorAll('input, textarea').forEach((field, n) => {
    const now = live[n];
    if (field.tagName === 'TEXTAREA') field.textContent = now.value;
    else if (now.type === 'checkbox' || now.type === 'radio') field.toggleAttribute('checked', now.checked);
    else field.setAttribute('value', now.value);
  });
  for (const gone of copy.querySelectorAll('script, noscript, link, style, iframe, meta, .skip, input[type=hidden]'))
    gone.remove();
  // Addresses of the machine it was drawn on say nothing; without any a link would not look like one.
  for (const link of copy.querySelectorAll('a[href]')) link.setAttribute('href', '#');
  const style = document.createElement('style');
  style.textContent = styles;
  copy.querySelector('head').append(style);
  return {
    width: document.documentElement.clientWidth,
    height: Math.max(document.body.scrollHeight, 200),
    title: document.title,
    markup: new XMLSerializer().serializeToString(copy),
  };
})();
