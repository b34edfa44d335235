// What the project promises in its own papers: the README names the commands, generated pages are up to date,
// the lock file is portable, every package is declared where it belongs, visible changes are written down.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { describe, test } from 'node:test';
import { listFiles, listSources, REPOSITORY, readText } from './files.ts';
import { FREE_ROOMS, PACKAGE_ROOMS } from './plan.ts';
import { roomOf } from './rules.ts';

const files = listFiles();
const packageJson = JSON.parse(readText('package.json')) as {
  scripts: Record<string, string>;
  bin: Record<string, string>;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
};

function mustExist(path: string): string {
  assert.ok(files.includes(path), `${path} is missing`);
  return readText(path);
}

describe('papers', () => {
  test('the README names the two commands, and every other is written down', () => {
    const readme = mustExist('README.md');
    for (const command of ['npm start', 'npm test'])
      assert.ok(readme.includes(command), `README.md: ${command}`);
    const papers = readme + mustExist('CONTRIBUTING.md');
    const others = Object.keys(packageJson.scripts).filter((name) => name !== 'start' && name !== 'test');
    const missing = others.map((name) => `npm run ${name}`).filter((command) => !papers.includes(command));
    assert.deepEqual(missing, [], 'neither README.md nor CONTRIBUTING.md names them');
  });

  test('the README names every belfry command', () => {
    const readme = mustExist('README.md');
    const commands = files.flatMap((path) => /^cli\/commands\/([a-z]+)\.ts$/.exec(path)?.[1] ?? []);
    const missing = commands.filter((name) => name !== 'all' && !readme.includes(`belfry ${name}`));
    assert.deepEqual(
      missing,
      [],
      `README.md does not name: ${missing.map((name) => `belfry ${name}`).join(', ')}`,
    );
  });

  test('the papers of the house are there', () => {
    for (const path of ['ARCHITECTURE.md', 'CONTRIBUTING.md', 'LICENSE', '.ci/run']) mustExist(path);
    assert.match(readText('LICENSE'), /GNU GENERAL PUBLIC LICENSE\s+Version 3/);
    assert.equal((JSON.parse(readText('package.json')) as { license: string }).license, 'GPL-3.0-or-later');
  });

  test('visible changes are written down, one small file each', () => {
    const changes = files.filter((path) => path.startsWith('changes/') && path.endsWith('.md'));
    assert.ok(changes.length > 0, 'changes/ is empty');
    for (const path of changes) assert.ok(readText(path).trim().length > 20, `${path} says nothing`);
  });

  test('links between our own pages lead somewhere', () => {
    const broken = files
      .filter((path) => path.endsWith('.md'))
      .flatMap((path) => brokenLinks(path, readText(path)).map((link) => `${path}: ${link}`));
    assert.deepEqual(broken, []);
  });
});

describe('generated pages', () => {
  test('are what npm run docs writes', () => {
    const folder = mkdtempSync(join(tmpdir(), 'belfry-docs-'));
    try {
      const written = writeDocs(folder);
      assert.ok(written.includes('docs/config.md'), `npm run docs wrote only ${written.join(', ')}`);
      const stale = written.filter((path) => {
        return !files.includes(path) || readText(path) !== readFileSync(join(folder, path), 'utf8');
      });
      assert.deepEqual(stale, [], 'run: npm run docs');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

/** Lets `npm run docs` write into an empty folder, and says what it wrote. */
function writeDocs(folder: string): string[] {
  const done = spawnSync(process.execPath, [join(REPOSITORY, 'dist/tools/docs.js')], {
    cwd: folder,
    encoding: 'utf8',
  });
  assert.equal(done.status, 0, done.stderr);
  const all = readdirSync(folder, { recursive: true, withFileTypes: true });
  return all
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
}

/** Relative links of a page whose file is not there. */
function brokenLinks(path: string, text: string): string[] {
  const links = [...text.replace(/```[\s\S]*?```/g, '').matchAll(/\]\(([^)#\s]+)(?:#[^)\s]*)?\)/g)];
  return links
    .map((match) => match[1] as string)
    .filter((link) => !/^[a-z]+:/.test(link))
    .filter((link) => {
      const target = new URL(link, `file:///${path}`).pathname.slice(1);
      return (
        !files.includes(target) && !files.some((file) => file.startsWith(`${target.replace(/\/$/, '')}/`))
      );
    });
}

describe('the linter', () => {
  test('holds what the house relies on', () => {
    const lint = JSON.parse(mustExist('.oxlintrc.json')) as {
      rules: Record<string, string | [string, ...unknown[]]>;
    };
    for (const rule of [
      'typescript/no-explicit-any',
      'typescript/no-floating-promises',
      'typescript/switch-exhaustiveness-check',
      'typescript/ban-ts-comment',
      'import/no-cycle',
      'import/no-default-export',
      'oxc/no-barrel-file',
    ]) {
      const level = lint.rules[rule];
      assert.equal(Array.isArray(level) ? level[0] : level, 'error', rule);
    }
    assert.match(readText('tools/check.mjs'), /'--type-aware', '--deny-warnings'/);
  });
});

describe('packages', () => {
  test('the lock file names no host to fetch from', () => {
    const lock = JSON.parse(mustExist('package-lock.json')) as {
      packages: Record<string, { resolved?: string }>;
    };
    const named = Object.entries(lock.packages).filter(([, entry]) => entry.resolved !== undefined);
    assert.deepEqual(
      named.map(([path]) => path),
      [],
      'install with omit-lockfile-registry-resolved (.npmrc has it)',
    );
  });

  test('no package runs a script when it is installed', () => {
    assert.match(mustExist('.npmrc'), /^ignore-scripts=true$/m);
    const hooks = Object.keys(packageJson.scripts).filter(
      (name) => /^(pre|post)/.test(name) || name === 'install',
    );
    assert.deepEqual(hooks, [], 'with ignore-scripts these would never run');
  });

  test('what the program imports is a dependency, and each has a room', () => {
    for (const { path, imports, code } of listSources()) {
      if (FREE_ROOMS.includes(roomOf(path)) || !path.endsWith('.ts')) continue;
      for (const { specifier, line } of imports) {
        const name = Object.keys(PACKAGE_ROOMS).find(
          (one) => specifier === one || specifier.startsWith(`${one}/`),
        );
        const isType = /^\s*import\s+type\b/.test(code.split('\n')[line - 1] ?? '');
        const declared = isType
          ? { ...packageJson.dependencies, ...packageJson.devDependencies }
          : packageJson.dependencies;
        if (name !== undefined) assert.ok(declared[name], `${path}:${line}  ${name} is not in dependencies`);
      }
    }
    for (const name of Object.keys(packageJson.dependencies)) {
      assert.ok(PACKAGE_ROOMS[name], `${name} has no room in test/tidy/plan.ts`);
    }
  });
});
