/** A dry run: the start as ever, but that a private notify socket stands in for systemd's, and an account is kept. */
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
      // there is no systemd to hand the app over to
      handoff: false,
      // an app that npm starts is to be gone with npm, where no systemd cleans up
      ...(exitWhenReady ? { signalScope: 'group' as const } : {}),
    },
    transport: socket.transport,
    report: createReport(socket, config, exitWhenReady),
    close: socket.close,
  };
}
