import { setTimeout as sleep } from 'node:timers/promises';

export const dynamic = 'force-dynamic';

export default async function Page() {
  await sleep(20);
  return 'ok';
}
