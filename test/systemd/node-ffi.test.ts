/** node:ffi: on Node 26 a unit is ready without any addon, and its app's sd_notify is received. */
import { copyFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { describeSystemd, EVERYWHERE } from '../helpers/systemd/describe.ts';
import { NODE_WITH_FFI } from '../helpers/transport.ts';
import { untried } from '../helpers/untried.ts';
import { Service } from './service.ts';

if (!NODE_WITH_FFI) untried('node:ffi', 'Node 26 is not installed');
else {
  const node = NODE_WITH_FFI;
  describeSystemd('node:ffi', EVERYWHERE, (systemd) => {
    test('the unit is ready by it, and stderr has no warning', async () => {
      // in a tree of matrix:systemd there is only what is copied there
      const here = process.env['PS_ROOT'] ? `${systemd().makeDir()}/node` : node;
      if (here !== node) copyFileSync(node, here);
      const app = "/bin/sh -c 'systemd-notify --status=mine; systemd-notify --ready; exec sleep 1000'";
      const wrapper = `${systemd().repo}/bin/sd-ready-wrap.cjs --log-level debug --notify`;
      const service = await Service.write(systemd(), {
        lines: ['ExecStart=', `ExecStart=${here} ${wrapper} -- ${app}`],
      });
      const { code, stderr } = await service.systemctl('start');
      expect(stderr + (code === 0 ? '' : service.stderr)).toBe('');
      expect(await service.show('StatusText')).toBe('mine');
      expect(service.stderr).toContain('notify socket: sending with node:ffi');
      expect(service.stderr).toContain("the app's notify socket: receiving with node:ffi");
      expect(service.stderr).not.toMatch(/experimental/i);
      await service.systemctl('stop');
      expect(await service.results()).toEqual(['success killed TERM']);
    });
  });
}
