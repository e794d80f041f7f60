import { describe, expect, it } from 'vitest';
import { checkNode, fileSystemFinding, spaceFinding } from '../../../src/cli/doctor/check-machine.ts';
import { runDoctorCommand } from '../../../src/cli/doctor-command.ts';

describe('metertap doctor', () => {
  it.each([
    ['v24.15.0', 'ok'],
    ['v24.14.9', 'fail'],
    ['v26.0.0', 'ok'],
    ['v22.23.3', 'fail'],
  ])('judges Node.js %s: %s', (version, state) => {
    expect(checkNode(version).state).toBe(state);
  });

  it.each([
    [0xef53, 'ok', 'ext4'],
    [0x6969, 'fail', 'NFS'],
    [0xff534d42, 'fail', 'CIFS'],
    [0x01021994, 'warn', 'tmpfs'],
    [0x794c7630, 'warn', 'overlay'],
  ])('judges the file system %i: %s (%s)', (type, state) => {
    expect(fileSystemFinding(type).state).toBe(state);
  });

  it.each([
    [50_000_000, 'fail'],
    [500_000_000, 'warn'],
    [5_000_000_000, 'ok'],
  ])('judges %i free bytes: %s', (bytes, state) => {
    expect(spaceFinding(bytes).state).toBe(state);
  });

  it.each([
    [true, '\u001b[32mok  \u001b[0m  node'],
    [false, 'ok    node'],
  ])('colours the verdicts where that is wanted: %s', async (isColored, line) => {
    let output = '';
    const code = await runDoctorCommand({
      args: [],
      env: { METERTAP_PORT: 'not a port' },
      readFile: () => '',
      exists: () => false,
      write: (text) => {
        output += text;
      },
      writeError: () => undefined,
      stop: new AbortController().signal,
      nowMs: () => 0,
      version: 'test',
      nodeVersion: 'v24.21.0',
      readBook: () => '',
      isColored,
    });
    expect(code).toBe(1);
    expect(output.startsWith(line)).toBe(true);
    expect(output).toContain('METERTAP_PORT');
  });
});
