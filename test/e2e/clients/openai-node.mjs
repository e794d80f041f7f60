import { report, responsesUsage } from './report.mjs';
import { answer } from './snippet.mjs';

report('responses', responsesUsage(answer.usage));
