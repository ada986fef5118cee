/** The registry of readiness probes. Add a new kind here; the compiler reports a missing one. */
import { autoProbe } from './auto.ts';
import { httpProbe } from './connect/http.ts';
import { listenProbe } from './connect/listen.ts';
import { tcpProbe } from './connect/tcp.ts';
import { unixProbe } from './connect/unix.ts';
import type { ProbeContext } from './context.ts';
import { delayProbe } from './delay.ts';
import { execProbe } from './exec.ts';
import { fdProbe } from './fd.ts';
import { fileProbe } from './file.ts';
import { ipcProbe } from './ipc.ts';
import { logProbe } from './log/log.ts';
import { notifyProbe } from './notify.ts';
import type { ReadinessProbe } from './probe.ts';
import type { ProbeSpec } from './spec.ts';

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
