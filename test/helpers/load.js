/**
 * Requests at a steady rate, each sent when it is due, whether or not earlier ones were answered (an open loop): a
 * server that makes its clients wait gets no fewer requests. Plain JavaScript, because the demo and the benchmark use
 * it too.
 */
import http from 'node:http';

/** With keep-alive: the number of clients, each with one connection. */
const CLIENTS = 20;

/** A request without an answer after this time has failed, ms. */
const DEADLINE = 30_000;

/**
 * @typedef {object} Outcome
 * @property {number} sent
 * @property {number} refused connections
 * @property {number} failed requests for any other reason: cut off, a status other than 200, no answer
 * @property {number} longest ms from the moment that a request was due to the end of its answer
 * @property {Map<string, number>} answers how often each body came
 * @property {Map<string, number>} errors how often each code came
 */

/**
 * @param {{port: number, rate: number, keepAlive?: boolean}} wanted `rate`: requests a second; without `keepAlive` each
 * uses a new connection
 * @returns {{outcome: Outcome, stop: () => Promise<Outcome>}} `outcome` changes as answers come; `stop` sends no more,
 * and waits for the answers that are due
 */
export function startLoad({ port, rate, keepAlive = false }) {
  const clients = keepAlive
    ? Array.from({ length: CLIENTS }, () => new http.Agent({ keepAlive: true, maxSockets: 1 }))
    : [false];
  const outcome = { sent: 0, refused: 0, failed: 0, longest: 0, answers: new Map(), errors: new Map() };
  const waiting = new Set();
  const began = performance.now();

  const send = () => {
    const due = began + (outcome.sent * 1000) / rate;
    const agent = clients[outcome.sent % clients.length];
    outcome.sent += 1;
    const request = get({ host: '127.0.0.1', port, agent }).then(({ error, body }) => {
      waiting.delete(request);
      if (error === undefined) {
        outcome.longest = Math.max(outcome.longest, performance.now() - due);
        count(outcome.answers, body);
        return;
      }
      outcome[error === 'ECONNREFUSED' ? 'refused' : 'failed'] += 1;
      count(outcome.errors, error);
    });
    waiting.add(request);
  };
  // a timer may be late: requests that became due meanwhile are sent at once
  const timer = setInterval(() => {
    while (outcome.sent < ((performance.now() - began) * rate) / 1000) send();
  }, 1000 / rate);

  return {
    outcome,
    async stop() {
      clearInterval(timer);
      await Promise.all(waiting);
      for (const agent of clients) if (agent) agent.destroy();
      return outcome;
    },
  };
}

/** @returns {Promise<{error?: string, body: string}>} */
function get(options) {
  return new Promise((resolve) => {
    let body = '';
    const request = http.get({ ...options, timeout: DEADLINE }, (response) => {
      response.setEncoding('utf8').on('data', (chunk) => {
        body += chunk;
      });
      response.on('error', ({ code }) => resolve({ error: code, body }));
      response.on('end', () =>
        resolve(response.statusCode === 200 ? { body } : { error: `HTTP ${response.statusCode}`, body }),
      );
    });
    request.on('timeout', () => request.destroy(Object.assign(new Error(), { code: 'no answer' })));
    request.on('error', ({ code, message }) => resolve({ error: code ?? message, body }));
  });
}

function count(map, key) {
  map.set(key, (map.get(key) ?? 0) + 1);
}
