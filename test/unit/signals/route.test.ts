import { describe, expect, it } from 'vitest';
import { routeSignals } from '../../../src/signals/route.ts';
import type { ForwardedSignal } from '../../../src/signals/signals.ts';
import type { SignalSource } from '../../../src/signals/source.ts';
import { settle } from '../fakes.ts';

describe('routeSignals', () => {
  it('reports each signal at once, and its fate when the canary has answered', async () => {
    const trace: string[] = [];
    let come: (signal: ForwardedSignal) => void = () => {};
    const answers: ((had: boolean) => void)[] = [];
    const source: SignalSource = {
      listen(listener) {
        come = listener;
      },
      interrupted: new Promise(() => {}),
      stopBy() {},
      release() {},
    };
    const hadByApp = () => new Promise<boolean>((resolve) => answers.push(resolve));
    const route = routeSignals(source, { forward: 'auto', rewrites: new Map(), detached: false, hadByApp });
    route.listen(
      (signal, { fate }) => trace.push(`${signal} ${fate}`),
      (signal) => trace.push(`${signal} came`),
    );
    come('SIGHUP');
    come('SIGTERM');
    await settle();
    expect(trace.splice(0)).toEqual(['SIGHUP came', 'SIGTERM came']);
    answers[1]?.(true);
    await settle();
    expect(trace).toEqual([]);
    const settled = route.settled().then(() => trace.push('settled'));
    expect(trace).toEqual([]);
    answers[0]?.(false);
    await settled;
    expect(trace).toEqual(['SIGHUP forwarded', 'SIGTERM reached', 'settled']);
  });
});
