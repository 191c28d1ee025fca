// Looks every second whether anything has changed, and if so draws the changed page in place of the old one.
// A form being filled in is left alone (no data-live). Without script there is the Refresh link.

const page = () => document.querySelector('main[data-live]');

async function look() {
  const shown = page();
  if (!shown || document.visibilityState !== 'visible' || shown.querySelector(':is(input, textarea, select):focus'))
    return;
  const version = await (await fetch(shown.dataset.watch)).text();
  if (version === shown.dataset.version) return;
  const fresh = (await ask(location.href))?.querySelector('main[data-version]');
  if (!fresh || shown !== page()) return;
  const focused = document.activeElement?.id;
  shown.replaceWith(fresh);
  if (focused) document.getElementById(focused)?.focus();
}

// XMLHttpRequest gives a document without running or trusting anything in it.
function ask(address) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('GET', address);
    request.responseType = 'document';
    request.setRequestHeader('Accept', 'text/html');
    request.onload = () => resolve(request.responseXML);
    request.onerror = () => reject(new Error('not reached'));
    request.send();
  });
}

const again = () =>
  setTimeout(
    () =>
      look()
        .catch(() => {})
        .finally(again),
    1000,
  );
again();
