import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'

// Names without a hash: the service answers with an ETag, and a rebuilt bundle is a change of the same files.
export default defineConfig({
  base: './',
  plugins: [vue()],
  define: { __VUE_OPTIONS_API__: false, __VUE_PROD_DEVTOOLS__: false },
  build: {
    outDir: '../../dataflows/api/board',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: false,
    target: ['chrome88', 'firefox102', 'safari15'], // what the machines of a centre have
    license: { fileName: 'licenses.md' },
    chunkSizeWarningLimit: 1000,
    rolldownOptions: {
      output: {
        entryFileNames: 'assets/board.js',
        chunkFileNames: 'assets/[name].js',
        assetFileNames: 'assets/[name][extname]',
      },
    },
  },
  server: { proxy: { '/v1': 'http://127.0.0.1:8090' } },
  test: { include: ['tests/**/*.test.ts'] },
})
