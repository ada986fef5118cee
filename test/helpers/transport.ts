/** Which of the addons this Node can load: unix-dgram was compiled for one release of it. */
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** The first that works, in the order in which the wrapper tries them. */
export const ADDON: 'unix-dgram' | 'koffi' = loads('unix-dgram') ? 'unix-dgram' : 'koffi';

function loads(name: string): boolean {
  try {
    require(name);
    return true;
  } catch (error) {
    // built for another release of Node (npm run matrix:node); one that is not there at all is to be installed
    const isForAnother = (error as NodeJS.ErrnoException).code === 'ERR_DLOPEN_FAILED';
    if (process.env['CI'] === 'true' && !isForAnother) throw error;
    return false;
  }
}

/** Those of them that it can load. */
export const ADDONS: readonly ('unix-dgram' | 'koffi')[] = ADDON === 'koffi' ? ['koffi'] : ['unix-dgram', 'koffi'];
