// The TypeScript client as a host that keeps one session: host.mjs PROGRAM ARGUMENT…
//
// It connects, says so, and answers each line of its input with one of its output: `list`, or `call TOOL`.

import { createInterface } from 'node:readline';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { named } from './serve.mjs';

const [command, ...args] = process.argv.slice(2);
const client = new Client({ name: 'host', version: '1' });
await client.connect(new StdioClientTransport({ command, args, env: { HOME: process.env.HOME } }));
console.log(JSON.stringify({ host: named('@modelcontextprotocol/sdk') }));

for await (const line of createInterface({ input: process.stdin })) {
  const [word, name] = line.split(' ');
  try {
    const answer = word === 'list' ? await client.listTools() : await client.callTool({ name, arguments: {} });
    console.log(JSON.stringify(answer));
  } catch (error) {
    console.log(JSON.stringify({ failed: error.message }));
  }
}
await client.close();
