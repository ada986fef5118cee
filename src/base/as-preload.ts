/**
 * For a preload, a file that runs in the app's Node before the app: reads its numbers and removes its traces. The app
 * and its children see process.execArgv, the environment and require's cache as without the preload.
 * @param file the preload's own path
 * @param variable holds numbers; the last one is the wrapper's pid
 * @returns the other numbers; undefined in all processes except the app itself: a worker loads the file too, and so
 *   does a child that is started with the app's original options
 */
export function preloadNumbers(file: string, variable: string): readonly number[] | undefined {
  const at = process.execArgv.indexOf(file);
  if (at > 0 && process.execArgv[at - 1] === '--require') process.execArgv.splice(at - 1, 2);
  const numbers = process.env[variable]?.split(' ').map(Number) ?? [];
  delete process.env[variable];
  delete require.cache[file];
  return numbers.pop() === process.ppid ? numbers : undefined;
}
