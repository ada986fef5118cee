/** The registry of readiness probes: register a new kind by adding it here; the compiler tells when one is missing. */
import type { ReadinessProbe } from '../core/probe.ts';
import type { ProbeSpec } from '../core/probe-spec.ts';
import { autoProbe } from './auto.ts';
import type { ProbeContext } from './context.ts';
import { delayProbe } from './delay.ts';
import { execProbe } from './exec.ts';
import { fdProbe } from './fd.ts';
import { fileProbe } from './file.ts';
import { httpProbe } from './http.ts';
import { ipcProbe } from './ipc.ts';
import { listenProbe } from './listen.ts';
import { logProbe } from './log.ts';
import { notifyProbe } from './notify.ts';
import { tcpProbe } from './tcp.ts';
import { unixProbe } from './unix.ts';

type Factories = {
  [Kind in ProbeSpec['kind']]: (spec: Extract<ProbeSpec, { kind: Kind }>, context: ProbeContext) => ReadinessProbe;
};

const factories = {
  auto: autoProbe,
  delay: delayProbe,
  exec: execProbe,
  fd: fdProbe,
  file: fileProbe,
  http: httpProbe,
  ipc: ipcProbe,
  listen: listenProbe,
  log: logProbe,
  notify: notifyProbe,
  tcp: tcpProbe,
  unix: unixProbe,
} satisfies Factories;

export function createProbe(spec: ProbeSpec, context: ProbeContext): ReadinessProbe {
  const factory = factories[spec.kind] as (spec: ProbeSpec, context: ProbeContext) => ReadinessProbe;
  return factory(spec, context);
}
