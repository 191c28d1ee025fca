// Runs in a page (see pages.test.ts): what a person with a small screen or a large thumb would trip over.
(() => {
  const root = document.documentElement;
  const describe = (element) => {
    const { width, height } = element.getBoundingClientRect();
    const text = (element.textContent || element.getAttribute('name') || '').trim().replace(/\s+/g, ' ').slice(0, 40);
    return `${element.tagName.toLowerCase()} "${text}" ${Math.round(width)}×${Math.round(height)}`;
  };
  // A radio or a tick is pressed by its label.
  const targetOf = (element) => (element.matches('input') && element.closest('label')) || element;
  // A link in a line of text is as tall as the line, as everywhere.
  const isInText = (element) => {
    if (!element.matches('a') || !getComputedStyle(element).display.startsWith('inline')) return false;
    if (element.matches('.button')) return false;
    const around = element.closest('p, li, small, pre, dd, td')?.cloneNode(true);
    for (const link of around?.querySelectorAll('a, button, form') ?? []) link.remove();
    return /\w/.test(around?.textContent ?? '');
  };
  const small = [...document.querySelectorAll('main :is(a[href], button, summary, input, select, textarea)')]
    .filter((element) => element.type !== 'hidden' && element.checkVisibility({ visibilityProperty: true }))
    .filter((element) => !isInText(element))
    .map(targetOf)
    .filter((element) => {
      const { width, height } = element.getBoundingClientRect();
      return width < 43.5 || height < 43.5;
    })
    .map(describe);
  const wide = [...document.querySelectorAll('body *')]
    .filter((element) => element.getBoundingClientRect().right > root.clientWidth + 1)
    .map(describe);
  // Text that does not wrap makes a page wide without any box being so.
  const sideways = wide.length > 0 ? wide.slice(0, 3) : [`${root.scrollWidth - root.clientWidth} pixels of text`];
  return { sideways: root.scrollWidth > root.clientWidth ? sideways : [], small: [...new Set(small)] };
})();
