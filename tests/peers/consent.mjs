#!/usr/bin/env node
// A person at a real browser: headless Chromium opens the authorize URL, looks at the consent page, clicks,
// and waits for the page mcpauth answers with. Both pages are kept as pictures.
//
// usage: consent.mjs [--decline] URL DIRECTORY
//
//   DIRECTORY/consent.png       the issuer's page
//   DIRECTORY/signed-in.png     mcpauth's page (not-signed-in.png with --decline)
//   DIRECTORY/verdict           one line, written last: `ok …` or `fail …`. It may be a named pipe, so that whoever
//                               started the browser indirectly can wait for it.
//
// CHROMIUM names another browser than /usr/bin/chromium.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';

const STEP_LIMIT_MS = 20_000;

const { values, positionals } = parseArgs({ options: { decline: { type: 'boolean', default: false } }, allowPositionals: true });
const [url, directory] = positionals;
if (!url || !directory) {
  process.stderr.write('usage: consent.mjs [--decline] URL DIRECTORY\n');
  process.exit(2);
}

const expected = values.decline
  ? { button: '#decline', picture: 'not-signed-in.png', path: '/not-signed-in', words: /not signed in/i }
  : { button: '#allow', picture: 'signed-in.png', path: '/signed-in', words: /^(?!.*not signed in).*signed in/is };

/** Chromium as a test may have it: root has no sandbox to drop into, and nothing may call home. */
function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    args: [
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-default-apps',
      '--disable-sync',
      '--no-first-run',
      '--metrics-recording-only',
    ],
  });
}

function must(condition, message) {
  if (!condition) throw new Error(message);
}

/** Collects what a page must not do: run into its own content policy, or ask a third party for anything. */
function watch(page) {
  const complaints = [];
  page.on('console', (message) => message.type() === 'error' && complaints.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => complaints.push(`script: ${error.message}`));
  page.on('request', (request) => {
    const { hostname, protocol } = new URL(request.url());
    const local = ['127.0.0.1', 'localhost', '[::1]'].includes(hostname);
    if (protocol !== 'data:' && !local) complaints.push(`request to ${hostname}`);
  });
  return complaints;
}

async function consent(page) {
  const complaints = watch(page);
  const response = await page.goto(url);
  must(response.ok(), `the consent page answered ${response.status()}`);
  await page.locator(expected.button).waitFor({ state: 'visible' });
  await page.screenshot({ path: join(directory, 'consent.png') });

  await page.locator(expected.button).click();
  await page.waitForURL((now) => now.pathname.endsWith(expected.path));
  const heading = (await page.locator('h1').first().innerText()).trim();
  await page.screenshot({ path: join(directory, expected.picture) });
  must(expected.words.test(heading), `the heading of the last page is '${heading}'`);
  must((await page.title()).trim() !== '', 'the last page has no title');

  const rest = new URL(page.url());
  must(rest.search === '' && rest.hash === '', `the address bar still holds parameters: ${[...rest.searchParams.keys()].join(', ')}`);
  // A tab icon that is not there is the one failure every browser reports of itself.
  const serious = complaints.filter((one) => !/favicon|status of 404/.test(one));
  must(serious.length === 0, serious.join('; '));
  return heading;
}

let verdict;
try {
  const browser = await launch();
  try {
    const page = await browser.newPage({ viewport: { width: 900, height: 700 } });
    page.setDefaultTimeout(STEP_LIMIT_MS);
    verdict = `ok ${await consent(page)}`;
  } finally {
    await browser.close();
  }
} catch (error) {
  verdict = `fail ${error.message.replaceAll(/([?&](?:code|state)=)[^&\s"']*/g, '$1…')}`;
  process.exitCode = 1;
}
verdict = verdict.replaceAll(/\s+/g, ' ');
writeFileSync(join(directory, 'verdict'), `${verdict}\n`);
process.stderr.write(`${verdict}\n`);
