/**
 * A notify socket that systemd opened and connected: `OpenFile=/run/systemd/notify:notify` (systemd 253,
 * systemd.service(5)). Each write is a datagram: needs no addon, no compiler, and no AF_UNIX in
 * RestrictAddressFamilies=.
 */
import { writeSync } from 'node:fs';
import type { NotifyTransport } from '../transport.ts';

/** @throws without such a descriptor */
export async function openInherited(fd: number | undefined): Promise<NotifyTransport> {
  if (fd === undefined) throw new Error('no OpenFile=/run/systemd/notify:notify in the unit');
  return {
    name: 'OpenFile=',
    trySend(datagram) {
      try {
        // blocks while systemd's queue is full, like sd_notify(3): systemd makes the socket blocking, and Node cannot
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
