#!/usr/bin/env node
// A browser for `BROWSER=`: fetches one URL, follows every redirect, keeps cookies, and presses the one button that it
// knows, `approve` on a consent page.
//
// usage: browse.mjs URL
//
// Whoever opened it does not wait and shows nothing, so a failure goes to the file named by PEERS_BROWSER_LOG.

import { appendFileSync } from 'node:fs';

const LONGEST_CHAIN = 12;

/** Where a step led, without the query: codes and states have no business in a log. */
const bare = (url) => `${url.origin}${url.pathname}`;

class CookieJar {
  #cookies = new Map();

  /** Cookies know hosts, not ports (RFC 6265, section 8.5); the path is part of what tells them apart. */
  keep(url, response) {
    for (const line of response.headers.getSetCookie()) {
      const [pair, ...attributes] = line.split(';').map((part) => part.trim());
      const named = Object.fromEntries(attributes.map((part) => part.toLowerCase().split('=')));
      const path = attributes.find((part) => /^path=/i.test(part))?.slice(5) ?? '/';
      const name = pair.slice(0, pair.indexOf('='));
      const gone = named['max-age'] === '0' || (named.expires && Date.parse(line.match(/expires=([^;]*)/i)[1]) <= Date.now());
      const key = `${url.hostname} ${path} ${name}`;
      if (gone) this.#cookies.delete(key);
      else this.#cookies.set(key, { host: url.hostname, path, pair });
    }
  }

  header(url) {
    const fits = ({ host, path }) => host === url.hostname && (url.pathname === path || url.pathname.startsWith(path.replace(/\/?$/, '/')));
    return [...this.#cookies.values()].filter(fits).map(({ pair }) => pair).join('; ');
  }
}

/** The form of a consent page as if `approve` had been pressed, or undefined. */
function consent(html) {
  const form = /<form[^>]*method="post"[^>]*>([^]*?)<\/form>/i.exec(html)?.[1];
  if (!form?.includes('value="approve"')) return undefined;
  const fields = [...form.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)];
  return new URLSearchParams([...fields.map(([, name, value]) => [name, value]), ['action', 'approve']]);
}

async function browse(start) {
  const jar = new CookieJar();
  const chain = [];
  let url = new URL(start);
  let form;
  while (chain.length < LONGEST_CHAIN) {
    const cookie = jar.header(url);
    const headers = { Accept: 'text/html,*/*;q=0.8', ...(cookie && { Cookie: cookie }) };
    const pressed = form && { method: 'POST', body: form };
    const response = await fetch(url, { redirect: 'manual', headers, ...pressed, signal: AbortSignal.timeout(20_000) });
    jar.keep(url, response);
    chain.push(`${response.status} ${bare(url)}`);
    const location = response.headers.get('location');
    if (response.status < 300 || response.status > 399 || !location) {
      const text = await response.text();
      form = !form && response.ok ? consent(text) : undefined;
      if (form) continue;
      if (response.ok) return;
      throw new Error(`${chain.join(' -> ')}: ${text.slice(0, 400)}`);
    }
    await response.body?.cancel();
    form = undefined;
    url = new URL(location, url);
  }
  throw new Error(`more than ${LONGEST_CHAIN} steps: ${chain.join(' -> ')}`);
}

try {
  await browse(process.argv[2]);
} catch (error) {
  const cause = error.cause ? ` (${error.cause.message})` : '';
  if (process.env.PEERS_BROWSER_LOG) appendFileSync(process.env.PEERS_BROWSER_LOG, `${error.message}${cause}\n`);
  process.exitCode = 1;
}
