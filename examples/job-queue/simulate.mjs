import { simulate } from 'indelible/simulation';

const { violation } = await simulate({ seed: 7, events: 2000 });
console.log(violation?.sentence ?? 'no promise was broken');
