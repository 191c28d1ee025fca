// While somebody types, shows what the words are read as, and who else asked. Tapping a chosen chip takes the choice back. Going back and
// sending the same again is the same gesture.

const form = document.getElementById('capture');
let asked = 0;
let waiting;

form.addEventListener('input', ({ target }) => {
  // The fields of the reading itself are being corrected: leave them alone.
  if (target.name !== 'words') return;
  clearTimeout(waiting);
  waiting = setTimeout(read, 250);
});

function read() {
  const mine = (asked += 1);
  const request = new XMLHttpRequest();
  request.open('POST', '/capture/reading');
  request.responseType = 'document';
  request.setRequestHeader('Content-Type', 'application/x-www-form-urlencoded');
  request.onload = () => {
    const fresh = request.status === 200 ? request.responseXML?.getElementById('reading') : undefined;
    const old = document.getElementById('reading');
    if (mine !== asked || !fresh || old.contains(document.activeElement)) return;
    const open = old.querySelector('details')?.open ?? false;
    old.replaceWith(fresh);
    const details = fresh.querySelector('details');
    if (details) details.open = open;
  };
  request.send(new URLSearchParams([...new FormData(form)].filter(([, value]) => typeof value === 'string')));
}

let chosen;
form.addEventListener('pointerdown', ({ target }) => {
  const radio = target.closest('.chip')?.querySelector('input[type=radio]');
  chosen = radio?.checked ? radio : undefined;
});
form.addEventListener('click', ({ target }) => {
  if (target === chosen) target.checked = false;
  chosen = undefined;
});

// The browser fills in again what was typed, but the page comes with a new key: the one it was sent under counts.
form.addEventListener('submit', () => {
  const { key } = form.elements;
  const content = JSON.stringify([...new FormData(form)].filter(([name]) => name !== 'key'));
  if (history.state?.content === content) key.value = history.state.key;
  history.replaceState({ key: key.value, content }, '');
});
