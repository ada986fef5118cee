/** The entry of the bundle. */
// first: what is imported next looks at the standard streams
import '../app/standard-streams.ts';
import { STARTED_WITH, startEnvironment } from '../base/environment.ts';
import { main } from './main.ts';

// a copy: what is set for our own libuv later is none of the app's
const env = startEnvironment(process.env);
// none of our own children's either
delete process.env[STARTED_WITH];
void main(process.argv.slice(2), env);
