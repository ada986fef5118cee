const server = Deno.serve({ port: Number(Deno.env.get('PORT')) }, () => new Response('ok'));
Deno.addSignalListener('SIGTERM', () => server.shutdown());
