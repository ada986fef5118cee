export type ModeName = 'user-root' | 'user-1000' | 'system' | 'session';

export interface CommandResult {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  ms: number;
}

export interface TestSystemd extends AsyncDisposable {
  readonly mode: 'user' | 'system' | 'session';
  readonly uid: number;
  /** The paths of the repository and of this Node for the services. */
  readonly repo: string;
  readonly node: string;
  /** A directory with the same path inside and outside; stop() removes it. */
  readonly dir: string;
  /** The variables that systemctl needs to reach this manager. */
  readonly flags: readonly string[];
  /** Its pid 1, seen from outside; undefined for a session. */
  readonly init?: number;
  /** The path of its file system, seen from outside. */
  readonly root: string;
  readonly unitDir: string;
  readonly notifySocket: string;
  readonly bootMs: number;
  makeDir(): string;
  writeUnit(name: string, text: string): string;
  unit(name: string): string;
  systemctl(...args: string[]): Promise<CommandResult>;
  show(unit: string, property: string): Promise<string>;
  run(command: string, args?: string[], env?: Record<string, string>): Promise<CommandResult>;
  managerLog(): Promise<string>;
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  stop(): Promise<void>;
}

export const REPOSITORY: string;
export const MODES: Record<ModeName, { mode: 'user' | 'system' | 'session'; uid: number }>;
export function possibleModes(): { modes: ModeName[]; missing: string };
export function bootSystemd(name: ModeName, options?: { logLevel?: string }): Promise<TestSystemd>;
export function freePort(): Promise<number>;
export function until<T>(
  what: string,
  check: () => T | Promise<T>,
  deadline?: number,
): Promise<Exclude<T, false | null | undefined | 0 | ''>>;
