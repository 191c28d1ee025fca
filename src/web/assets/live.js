// Looks again every second or so, and draws what has changed in place of the old. What somebody types, holds open or is about to press
// stays as it is. Without script there is the Refresh link.

const soon = 1000;
const calm = 5000;
let unchanged = 0;

async function look() {
  if (document.visibilityState !== 'visible') return;
  const shown = document.getElementById('main');
  const answer = await ask(location.href, shown.dataset.version);
  unchanged = answer ? 0 : unchanged + 1;
  const fresh = answer?.getElementById('main');
  if (!fresh || shown !== document.getElementById('main')) return;
  put(shown, fresh);
  swap('demo', answer);
  swapChild('.top', answer);
  document.title = answer.title;
}

// XMLHttpRequest gives a document without running or trusting anything in it.
function ask(address, version) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('GET', address);
    request.responseType = 'document';
    request.setRequestHeader('Accept', 'text/html');
    if (version) request.setRequestHeader('If-None-Match', `"${version}"`);
    request.onload = () => resolve(request.status === 200 && samePage(request) ? request.responseXML : null);
    request.onerror = () => reject(new Error('not reached'));
    request.send();
  });
}

/** Signed out meanwhile, the answer is another page: then nothing is taken from it. */
const samePage = ({ responseURL }) => new URL(responseURL).pathname === location.pathname;

function put(shown, fresh) {
  const focused = document.activeElement;
  const name = focused && shown.contains(focused) ? nameOf(focused) : undefined;
  const typing = isTyping(focused) ? [focused.selectionStart, focused.selectionEnd] : undefined;
  const before = new Set([...shown.querySelectorAll('.line:not(.next)')].map((line) => line.textContent));
  keepOpen(shown, fresh);
  const kept = keepTyped(shown, fresh);
  shown.replaceWith(fresh);
  const news = [...fresh.querySelectorAll('.line:not(.next)')].filter((line) => !before.has(line.textContent));
  if (before.size > 0) for (const line of news) line.classList.add('fresh');
  if (news.length > 0 && before.size > 0) say(news.at(-1).lastChild?.textContent ?? '');
  const again = name && (kept?.contains(focused) ? focused : find(fresh, name));
  if (again) {
    again.focus({ preventScroll: true });
    if (typing && 'setSelectionRange' in again) again.setSelectionRange(...typing);
  }
}

/** What was unfolded stays unfolded. */
function keepOpen(shown, fresh) {
  for (const details of shown.querySelectorAll('details[id]')) {
    const again = fresh.querySelector(`#${CSS.escape(details.id)}`);
    if (again) again.open = details.open;
  }
}

/** A form somebody has begun to fill in is moved over as it is. If it has no place any more, it stands at the end, with a word why. */
function keepTyped(shown, fresh) {
  let kept;
  for (const form of shown.querySelectorAll('form[id]')) {
    if (!isBegun(form) && !isTyping(form.contains(document.activeElement) ? document.activeElement : null)) continue;
    const place = fresh.querySelector(`#${CSS.escape(form.id)}`);
    kept = form;
    if (place) place.replaceWith(form);
    else fresh.append(changed(), form);
  }
  return kept;
}

function changed() {
  const note = document.createElement('p');
  note.className = 'wrong';
  note.textContent = 'This has changed while you were writing. What you wrote is kept here.';
  return note;
}

const isBegun = (form) =>
  [...form.elements].some((field) => {
    if (field.type === 'hidden') return false;
    if (field.type === 'checkbox' || field.type === 'radio') return field.checked !== field.defaultChecked;
    if (field.tagName === 'SELECT')
      return [...field.options].some((option) => option.selected !== option.defaultSelected && option.index > 0);
    return 'defaultValue' in field && field.value !== field.defaultValue;
  });

const isTyping = (element) =>
  element?.matches?.('textarea, select, input:not([type=checkbox], [type=radio], [type=hidden])') ?? false;

const nameOf = (element) =>
  element.id
    ? `#${CSS.escape(element.id)}`
    : element.getAttribute('href')
      ? `a[href="${CSS.escape(element.getAttribute('href'))}"]`
      : element.form?.id
        ? `#${CSS.escape(element.form.id)} button`
        : element.tagName === 'SUMMARY' && element.parentElement.id
          ? `#${CSS.escape(element.parentElement.id)} > summary`
          : undefined;

const find = (root, selector) => root.querySelector(selector);

function swap(id, answer) {
  const old = document.getElementById(id);
  const fresh = answer.getElementById(id);
  if (old && fresh && old.textContent !== fresh.textContent && !old.contains(document.activeElement))
    old.replaceWith(fresh);
}

function swapChild(selector, answer) {
  const old = document.querySelector(selector);
  const fresh = answer.querySelector(selector);
  if (old && fresh && old.textContent !== fresh.textContent && !old.contains(document.activeElement))
    old.replaceWith(fresh);
}

function say(sentence) {
  const news = document.getElementById('news');
  if (news) news.textContent = sentence.trim();
}

const again = () =>
  setTimeout(
    () =>
      look()
        .catch(() => {})
        .finally(again),
    unchanged < 30 ? soon : calm,
  );
again();
