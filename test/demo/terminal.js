/** The demo's output: coloured and with a running clock on a terminal, plain elsewhere. */
export const isTerminal = Boolean(process.stdout.isTTY) && !process.env.NO_COLOR && process.env.TERM !== 'dumb';

const paint = (code) => (text) => (isTerminal ? `\u001b[${code}m${text}\u001b[0m` : String(text));
export const bold = paint(1);
export const dim = paint(2);
export const green = paint(32);
export const red = paint(31);
export const yellow = paint(33);
export const cyan = paint(36);

const CLEAR_LINE = '\r\u001b[K';
const TICK = 100;

export function say(text = '') {
  process.stdout.write(`${text}\n`);
}

export function seconds(ms) {
  return `${(ms / 1000).toFixed(2)} s`;
}

/**
 * Shows the elapsed time while `work` is pending.
 * @template T
 * @param {string} text
 * @param {() => Promise<T>} work
 * @returns {Promise<{value: T, ms: number}>}
 */
export async function timed(text, work) {
  const began = performance.now();
  const draw = () => {
    const clock = ` … ${seconds(performance.now() - began)}`;
    // a line that wraps cannot be overwritten
    const room = (process.stdout.columns || Number.POSITIVE_INFINITY) - clock.length - 1;
    process.stdout.write(`${CLEAR_LINE}${text.slice(0, Math.max(0, room))}${dim(clock)}`);
  };
  const timer = isTerminal ? setInterval(draw, TICK) : undefined;
  try {
    const value = await work();
    return { value, ms: performance.now() - began };
  } finally {
    clearInterval(timer);
    if (isTerminal) process.stdout.write(CLEAR_LINE);
  }
}

/** A bar that fills `share` of the width. */
export function bar(share, width = 50) {
  const length = Math.max(1, Math.round(share * width));
  return (isTerminal ? '█' : '#').repeat(length).padEnd(width);
}
