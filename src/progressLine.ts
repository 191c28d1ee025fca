/** One line that tells what is being fetched, overwritten in a terminal and repeated nowhere. */
export function progressLine() {
  let last = '';
  return {
    show(sentence: string): void {
      if (sentence === last) return;
      last = sentence;
      if (process.stdout.isTTY) process.stdout.write(`\r\x1b[2K${sentence}`);
      else process.stdout.write(`${sentence}\n`);
    },
    done(sentence: string): void {
      if (process.stdout.isTTY && last) process.stdout.write('\r\x1b[2K');
      process.stdout.write(`${sentence}\n`);
    },
  };
}
