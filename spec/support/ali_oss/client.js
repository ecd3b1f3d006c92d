// Downloads with the official client, ali-oss, as it is told: to prove that the
// local OSS accepts what OSS accepts, and refuses what OSS refuses.
//
//   node client.js JOBS.json     (run where node_modules has ali-oss)
//
// JOBS.json: { options, jobs: [ { how, key, v4, style, ... } ] }. One line of
// JSON comes out for each job: status, code, body (hexadecimal), headers.
'use strict';

const fs = require('fs');
const http = require('http');
const OSS = require(process.cwd() + '/node_modules/ali-oss');

// Every name is this machine: bucket.oss-cn-hangzhou.aliyuncs.com as well.
const lookup = (name, options, done) => {
  if (options.all) {
    done(null, [{ address: '127.0.0.1', family: 4 }]);
  } else {
    done(null, '127.0.0.1', 4);
  }
};
const agent = new http.Agent({ keepAlive: false, lookup });

const STYLES = {
  host: (port) => ({ endpoint: `http://oss-cn-hangzhou.aliyuncs.com:${port}` }),
  address: (port) => ({ endpoint: `http://127.0.0.1:${port}` }),
  path: (port) => ({ endpoint: `http://localhost:${port}`, sldEnable: true }),
  cname: (port) => ({ endpoint: `http://downloads.example.com:${port}`, cname: true }),
};

function newClient(options, job) {
  return new OSS({
    region: job.region || 'oss-cn-hangzhou',
    bucket: job.bucket || options.bucket,
    accessKeyId: job.id || options.access_key_id,
    accessKeySecret: job.secret || options.access_key_secret,
    stsToken: job.token,
    authorizationV4: Boolean(job.v4),
    retryMax: 0,
    timeout: 60000,
    agent,
    ...STYLES[job.style || 'host'](options.port),
  });
}

// Sends exactly the path of the URL: Node's own parser would change it.
function fetch(text) {
  const [, host, port, path] = text.match(/^http:\/\/([^/:]+):(\d+)(\/.*)$/);
  return new Promise((resolve, reject) => {
    const request = http.get({ host, port, path, agent, headers: { host: `${host}:${port}` } }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => resolve({
        status: response.statusCode,
        content: Buffer.concat(parts),
        headers: response.headers,
      }));
    });
    request.on('error', reject);
  });
}

async function presign(client, job) {
  const expires = job.expires || 600;
  if (job.v4) {
    const request = { queries: job.query || {}, headers: job.sign_headers || {} };
    return client.signatureUrlV4('GET', expires, request, job.key, job.additional);
  }
  return client.asyncSignatureUrl(job.key, { expires, ...job.query });
}

async function download(client, job) {
  const options = { headers: job.headers || {}, subres: job.query };
  const result = await client.get(job.key, options);
  return { status: result.res.status, content: result.content, headers: result.res.headers };
}

async function run(options, job) {
  const client = newClient(options, job);
  try {
    let result;
    if (job.how === 'url') {
      let url = await presign(client, job);
      if (job.append) {
        url += job.append;
      }
      result = await fetch(url);
    } else if (job.how === 'head') {
      const head = await client.head(job.key);
      result = { status: head.status, content: Buffer.alloc(0), headers: head.res.headers };
    } else {
      result = await download(client, job);
    }
    const code = result.status >= 300 && String(result.content).match(/<Code>(\w+)<\/Code>/);
    return {
      status: result.status,
      code: code ? code[1] : undefined,
      body: result.content.toString('hex'),
      headers: result.headers,
    };
  } catch (error) {
    return { status: error.status, code: error.code, message: String(error.message), request_id: error.requestId };
  }
}

async function main() {
  const { options, jobs } = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
  for (const job of jobs) {
    console.log(JSON.stringify(await run(options, job)));
  }
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
