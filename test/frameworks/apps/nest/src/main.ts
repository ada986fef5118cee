import 'reflect-metadata';
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Get, Injectable, Module, type OnApplicationShutdown } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

@Injectable()
class Jobs implements OnApplicationShutdown {
  onApplicationShutdown() {
    process.stdout.write('jobs saved\n');
  }
}

@Controller()
class Root {
  @Get()
  async answer() {
    await sleep(20);
    return 'ok';
  }
}

@Module({ controllers: [Root], providers: [Jobs] })
class App {}

const app = await NestFactory.create(App);
app.use((_: unknown, response: ServerResponse, next: () => void) => {
  if (!app.getHttpServer().listening) response.setHeader('Connection', 'close');
  next();
});
if (!process.env['WITHOUT_HOOKS']) app.enableShutdownHooks();
await app.listen(process.env['PORT'] ?? 3000);
