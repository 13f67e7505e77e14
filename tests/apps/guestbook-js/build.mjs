// Makes app.wasm of app.js, for the world in wit/.
import { componentize } from '@bytecodealliance/componentize-js';
import { writeFile } from 'node:fs/promises';

const { component } = await componentize({
  sourcePath: 'app.js',
  witPath: 'wit',
  worldName: 'app',
  // What answers by an event knows an older wasi:http only; app.js answers by itself.
  disableFeatures: ['fetch-event', 'http'],
});
await writeFile('app.wasm', component);
