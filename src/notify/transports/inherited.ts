/**
 * The notify socket that systemd itself opened and connected for us: `OpenFile=/run/systemd/notify:notify` (systemd
 * 253, systemd.service(5)). A write to it is a datagram: no addon, no compiler, and no AF_UNIX in
 * RestrictAddressFamilies=.
 */
import { writeSync } from 'node:fs';
import type { NotifyTransport } from '../transport.ts';

/** @throws where there is none */
export async function openInherited(fd: number | undefined): Promise<NotifyTransport> {
  if (fd === undefined) throw new Error('no OpenFile=/run/systemd/notify:notify in the unit');
  return {
    name: 'OpenFile=',
    trySend(datagram) {
      try {
        // it blocks while systemd's queue is full, as sd_notify(3) does: systemd makes it blocking, and Node cannot
        // change that
        writeSync(fd, datagram);
        return 'sent';
      } catch (error) {
        const { code = String(error) } = error as NodeJS.ErrnoException;
        return ['EAGAIN', 'ENOBUFS', 'EINTR'].includes(code) ? 'full' : { error: code };
      }
    },
  };
}
