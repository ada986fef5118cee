/** The entry of the bundle. */
// first: later imports read the standard streams
import '../app/standard-streams.ts';
import { STARTED_WITH, startEnvironment } from '../base/environment.ts';
import { main } from './main.ts';

// a copy, because limitThreads() in main.ts sets a variable that the app must not get
const env = startEnvironment(process.env);
// the wrapper's own children must not get it either
delete process.env[STARTED_WITH];
void main(process.argv.slice(2), env);
