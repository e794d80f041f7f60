import { render } from 'preact';
import { findSession } from './api/session.ts';
import { Page } from './page.tsx';
import { keepTime } from './parts/now.ts';
import { applyTheme } from './parts/theme.ts';
import { followHistory } from './routing/location.ts';
import './styles/base.css';
import './styles/page.css';
import './styles/parts.css';
import './styles/run.css';

const host = document.getElementById('page');
if (host !== null) {
  applyTheme();
  followHistory();
  keepTime();
  void findSession();
  render(<Page />, host);
}
