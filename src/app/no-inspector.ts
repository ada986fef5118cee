/**
 * A debugger that NODE_OPTIONS asks for is meant for the app: Node opened it for us first, and the app would find its
 * port taken (nodejs.org/api/cli.html#node_optionsoptions).
 */
import { close, url } from 'node:inspector';

export function closeInspector(): void {
  if (url() !== undefined) close();
}
