import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
export async function startRedis() {
  const port = await new Promise<number>((r) => {
    const s = createServer().listen(0, () => {
      const p = (s.address() as any).port;
      s.close(() => r(p));
    });
  });
  const child = spawn('redis-server', ['--port', String(port), '--save', '', '--dir', '/tmp']);
  await new Promise((r) => setTimeout(r, 300));
  return { host: '127.0.0.1', port, stop: async () => void child.kill('SIGKILL') };
}
