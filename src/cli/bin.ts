/** The entry of the bundle. */
// first: what is imported next looks at the standard streams
import '../app/standard-streams.ts';
import { main } from './main.ts';

// a copy: what is set for our own libuv later is none of the app's
void main(process.argv.slice(2), { ...process.env });
