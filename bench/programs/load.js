// load.js PORT RATE [keep-alive]: sends requests in an open loop until its standard input ends, then prints the
// results. A separate process, so that the one that directs the deploy does not delay the requests.
import { startLoad } from '../../test/helpers/load.js';

const [port, rate, kind] = process.argv.slice(2);
const load = startLoad({ port: Number(port), rate: Number(rate), keepAlive: kind === 'keep-alive' });
process.stdin.resume().on('end', async () => {
  const { sent, refused, failed, longest, errors } = await load.stop();
  process.stdout.write(JSON.stringify({ sent, refused, failed, longest, errors: Object.fromEntries(errors) }));
});
