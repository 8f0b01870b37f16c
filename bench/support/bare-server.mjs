// A bare node:http server: one answer to everybody, as the agent gave it. Told by its parent, and ends with it.
import { createServer } from 'node:http';

process.on('disconnect', () => process.exit());
process.on('message', ({ headers, body }) => {
  const flat = Object.entries(headers).flat();
  const server = createServer((_request, response) => response.writeHead(200, flat).end(body));
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
});
