// Connects to the server that the arguments start, lists its tools, calls one and prints what came.

export async function check(client, Transport) {
  const [command, ...args] = process.argv.slice(2);
  await client.connect(new Transport({ command, args, env: process.env }));
  const { tools } = await client.listTools();
  const { isError, structuredContent } = await client.callTool({
    name: "core_webservice_get_site_info",
    arguments: {},
  });
  // The first generation can't say which revision was agreed on.
  const protocol = client.getNegotiatedProtocolVersion?.() ?? null;
  const user = structuredContent.result.username;
  console.log(JSON.stringify({ protocol, tools: tools.length, user, isError: !!isError }));
  await client.close();
}
