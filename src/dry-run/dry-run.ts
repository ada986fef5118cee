/** A dry run: a normal start, with a private notify socket in place of systemd's, and a report. */
import { clock } from '../base/real-clock.ts';
import type { NotifyTransport } from '../notify/transport.ts';
import type { Config } from '../options/config.ts';
import { isOn, type RawOptions } from '../options/raw.ts';
import { openPrivateNotifySocket } from './private-socket.ts';
import { createReport, type Report } from './report.ts';

export interface DryRun {
  readonly config: Config;
  readonly transport: NotifyTransport;
  readonly report: Report;
  close(): void;
}

export async function openDryRun(raw: RawOptions, config: Config, env: NodeJS.ProcessEnv): Promise<DryRun> {
  const socket = await openPrivateNotifySocket(env, clock);
  const exitWhenReady = isOn(raw, 'exit-when-ready');
  return {
    config: {
      ...config,
      // a handoff needs systemd
      handoff: false,
      // without systemd, the wrapper must stop the whole process group, e.g. npm and the app
      ...(exitWhenReady ? { signalScope: 'group' as const } : {}),
    },
    transport: socket.transport,
    report: createReport(socket, config, exitWhenReady),
    close: socket.close,
  };
}
