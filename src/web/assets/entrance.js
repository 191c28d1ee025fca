// Hands over what stands behind '#'. Sent before the page has loaded, the form takes this page's place in the history; where it had loaded by then,
// whoever comes back here is led on: going back leads to the message either way, and the token is in neither. Where it has not arrived it is asked
// for (see .entrance in app.css).

const { classList } = document.getElementById('entrance');
const form = document.getElementById('link');
const handedOver = 'handed over';

function handOver() {
  const [token] = /^[\w-]{22}(?![\w-])/.exec(location.hash.slice(1)) ?? [];
  if (token) {
    history.replaceState(handedOver, '', location.pathname + location.search);
    form.elements.link.value = token;
    classList.add('leaves');
    form.submit();
    return;
  }
  // Shown even then: there may be nothing to go back to.
  classList.remove('leaves');
  classList.add('asks');
  form.elements.link.focus();
  if (history.state === handedOver) history.back();
}

handOver();
// The whole link, pasted into the address bar of this page.
addEventListener('hashchange', handOver);
// Come back to as it was left.
addEventListener('pageshow', ({ persisted }) => persisted && handOver());
