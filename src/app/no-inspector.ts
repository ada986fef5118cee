/**
 * A debugger from NODE_OPTIONS is meant for the app. Node has opened it in the wrapper, so the app would find its port
 * taken (nodejs.org/api/cli.html#node_optionsoptions).
 */
import { close, url } from 'node:inspector';

export function closeInspector(): void {
  if (url() !== undefined) close();
}
