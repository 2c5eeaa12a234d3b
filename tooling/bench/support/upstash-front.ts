import { createInterface } from 'node:readline';
import { startRedis } from '../../servers/redis.ts';
import { UpstashFront } from '../../upstash-front/front.ts';

// Runs the REST front in its own process, so that its work is not measured as the client's. Prints its address, then for
// each line of input the requests and commands since the last one. Ends with its input.
const redis = await startRedis();
const front = await UpstashFront.start({ redis, token: 'AXkfASQgt0ken' });
console.log(JSON.stringify({ url: front.url, token: front.token }));
for await (const _ of createInterface({ input: process.stdin })) {
  const commands = front.requests.reduce((sum, request) => sum + request.commands.length, 0);
  console.log(JSON.stringify({ requests: front.requests.length, commands }));
  front.requests.length = 0;
}
await front.stop();
await redis.stop();
