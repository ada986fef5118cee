/** The pictures that need no run and no figures, by the name of their file. Pure. */
import { drawDeploy } from './deploy.js';
import { drawOldInstance } from './old-instance.js';
import { drawProcesses } from './processes.js';
import { drawWhichProbe } from './which-probe.js';

export const DIAGRAMS = {
  'which-probe': drawWhichProbe,
  processes: drawProcesses,
  'old-instance': drawOldInstance,
  deploy: drawDeploy,
};
