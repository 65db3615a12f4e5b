/** Entry of the kernel's thread: loads the kernel, which waits for the options. */
import { loadModule } from './code-cache.js';

void loadModule<typeof import('./kernel.js')>('kernel', import.meta.url).then(({ runKernelThread }) => runKernelThread());
