/** Which signal systemd sends to us for a reload, and then waits for RELOADING=1: only our unit's files tell. */
import { constants } from 'node:os';
import { unitTexts } from './files.ts';
import { reloadSignal } from './settings.ts';

/**
 * Read anew each time, as systemd reads them anew at a daemon-reload. Where they are out of reach (RootDirectory=, say)
 * a unit counts as Type=notify, where a reload is nothing to us: systemd would take RELOADING=1 from it as well, and
 * show it as reloading for as long as no sign comes.
 * @param expected the operator has said that there are such reloads: then that one where the files do not say
 * @returns undefined where it sends none
 */
export function reloadSignalOf(env: NodeJS.ProcessEnv, expected: boolean): string | undefined {
  const texts = unitTexts(env);
  return texts && reloadSignal(texts, { ...constants.signals }, expected ? 'notify-reload' : undefined);
}
