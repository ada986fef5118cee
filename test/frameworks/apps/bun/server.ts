const server = Bun.serve({ port: process.env.PORT, fetch: () => new Response('ok') });
process.once('SIGTERM', () => server.stop());
