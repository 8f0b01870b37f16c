// A process of one client of bench/cold-clients: gives its parent a cold token, and how long it took, as often as it asks.
const { argv, env } = process;

process.on('disconnect', () => process.exit());
process.on('message', async () => {
  const askedAt = performance.now();
  const { prepare, coldToken } = await import(`../cold-clients/${argv[2]}.mjs`);
  await prepare?.(env);
  const startedAt = prepare === undefined ? askedAt : performance.now();
  const token = await coldToken(env);
  process.send({ token, tookMs: performance.now() - startedAt });
});
