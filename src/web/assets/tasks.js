// j and k go from task to task, enter opens the one that is marked. In a field letters are letters.

const cards = () => [...document.querySelectorAll('.task')];

document.addEventListener('keydown', (event) => {
  if (
    event.ctrlKey ||
    event.metaKey ||
    event.altKey ||
    event.target.closest('input, textarea, select, [contenteditable]')
  )
    return;
  const all = cards();
  const at = all.findIndex((card) => card === document.activeElement || card.contains(document.activeElement));
  if (event.key === 'j' || event.key === 'k') {
    const to = all[Math.min(all.length - 1, Math.max(0, at + (event.key === 'j' ? 1 : at < 0 ? 1 : -1)))];
    to?.focus();
    to?.scrollIntoView({ block: 'nearest' });
    event.preventDefault();
  }
  if (event.key === 'Enter' && all[at] === document.activeElement) location.assign(all[at].dataset.href);
});
