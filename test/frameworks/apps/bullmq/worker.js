import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'bullmq';

const send = async ({ data }) => {
  process.stdout.write(`mail to ${data.to} begun\n`);
  await sleep(1000);
  process.stdout.write(`mail to ${data.to} sent\n`);
};
const worker = new Worker('mails', send, { connection: { url: process.env.REDIS_URL } });
await worker.waitUntilReady();
process.stdout.write('worker ready\n');
if (!process.env.WITHOUT_CLOSE) process.once('SIGTERM', () => worker.close());
