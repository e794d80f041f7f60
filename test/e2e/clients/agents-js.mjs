import { report } from './report.mjs';
import { result } from './snippet.mjs';

const { inputTokens, outputTokens, totalTokens, requests } = result.state.usage;
report('run', { input: inputTokens, output: outputTokens, total: totalTokens }, requests);
