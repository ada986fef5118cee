/** The demo's app, changed to report its own readiness: by the npm package sd-notify, in its own process. */
import notify from '../../test/fixtures/sd-notify/node_modules/sd-notify/index.js';

await import('../../test/demo/app.js');
notify.ready();
