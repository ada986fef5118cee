/** Tests that need ::1, which a machine may lack. */
import { networkInterfaces } from 'node:os';
import { describeWhere } from './untried.ts';

const HAS_IPV6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'));

export function describeIpv6(title: string, define: () => void): void {
  describeWhere(HAS_IPV6, 'needs ::1', title, define);
}
